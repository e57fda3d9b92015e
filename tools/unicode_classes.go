// Prints tools/data/unicode.json, what Go's regular expressions know of Unicode: go run tools/unicode_classes.go > tools/data/unicode.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"unicode"
)

// gaps writes a class as numbers in pairs: how many characters are skipped, how many follow that are in it.
func gaps(table *unicode.RangeTable) []int {
	pairs := []int{}
	end, isIn := 0, false
	for character := 0; character <= unicode.MaxRune+1; character++ {
		if unicode.Is(table, rune(character)) != isIn {
			pairs, end, isIn = append(pairs, character-end), character, !isIn
		}
	}
	return pairs
}

func orbits() []string {
	found := []string{}
	for character := rune(0); character <= unicode.MaxRune; character++ {
		orbit := []rune{character}
		for next := unicode.SimpleFold(character); next > character; next = unicode.SimpleFold(next) {
			orbit = append(orbit, next)
		}
		if len(orbit) > 1 && unicode.SimpleFold(orbit[len(orbit)-1]) == character {
			found = append(found, string(orbit))
		}
	}
	return found
}

func main() {
	classes, aliases := map[string][]int{}, map[string]string{}
	for name, table := range unicode.Categories {
		if len(name) == 2 && name != "LC" && name != "Cn" {
			classes[name] = gaps(table)
		}
	}
	for name, table := range unicode.Scripts {
		// Names of two words are among the scripts and no pattern finds them.
		if _, err := regexp.Compile(`\p{` + name + `}`); err == nil {
			classes[name] = gaps(table)
		}
	}
	for name, category := range unicode.CategoryAliases {
		plain := strings.ToLower(strings.ReplaceAll(name, "_", ""))
		aliases[strings.ToUpper(plain[:1])+plain[1:]] = category
	}
	rows := []string{}
	row := func(name string, value any) {
		text, _ := json.Marshal(value)
		rows = append(rows, fmt.Sprintf("%q:%s", name, text))
	}
	for name, value := range map[string]any{"aliases": aliases, "folds": orbits(), "version": unicode.Version} {
		row(name, value)
	}
	for name, pairs := range classes {
		row(name, pairs)
	}
	sort.Strings(rows)
	fmt.Fprintf(os.Stdout, "{\n%s\n}\n", strings.Join(rows, ",\n"))
}
