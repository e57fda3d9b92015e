from __future__ import annotations

from typing import Any

import pytest

from fakekube.kubelet.go_template import Template, TemplateError
from fakekube.kubelet.stage_functions import STATIC

POD: dict[str, Any] = {
    "metadata": {"name": "web", "annotations": {"a/b": "c"}},
    "spec": {"containers": [{"name": "one", "image": "i:1"}, {"name": "two", "image": "i:2"}], "hostNetwork": False},
}


def rendered(text: str, dot: Any = POD) -> str:
    return Template(text, set(STATIC)).render(dot, STATIC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{ .metadata.name }}", "web"),
        ("{{ .missing.deeper }}", "<no value>"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ("a {{- .metadata.name -}} b", "awebb"),
        ('{{ .metadata.name | Quote }}{{ "x" | printf "%s-%s" "y" }}', '"web"y-x'),
        ("{{ if .spec.hostNetwork }}yes{{ else if .metadata.name }}named{{ else }}no{{ end }}", "named"),
        ("{{ with .missing }}a{{ else }}b{{ end }}", "b"),
        ("{{ with $x := .metadata.name }}{{ $x }}{{ . }}{{ end }}", "webweb"),
        ("{{ range .spec.containers }}{{ .name }} {{ end }}", "one two "),
        ("{{ range $i, $c := .spec.containers }}{{ $i }}{{ $c.name }}{{ $.metadata.name }}{{ end }}", "0oneweb1twoweb"),
        ("{{ range .missing }}a{{ else }}none{{ end }}", "none"),
        ('{{ range .spec.containers }}{{ if eq .name "two" }}{{ break }}{{ end }}{{ .name }}{{ end }}', "one"),
        ('{{ range .spec.containers }}{{ if eq .name "one" }}{{ continue }}{{ end }}{{ .name }}{{ end }}', "two"),
        ("{{ $x := 0 }}{{ range .spec.containers }}{{ $x = add1 $x }}{{ end }}{{ $x }}", "2"),
        ("{{ ( index .spec.containers 1 ).name }}", "two"),
        ('{{ index .metadata.annotations "a/b" }}', "c"),
        ('{{ or .missing "" "last" }}{{ and .metadata.name "both" }}{{ not .missing }}', "lastbothtrue"),
        ('{{ $a := or .missing dict }}{{ or ( index $a "k" ) "fallback" }}', "fallback"),
        ('{{ define "t" }}<{{ .a }}{{ .b.name }}>{{ end }}{{ template "t" dict "a" 1 "b" .metadata }}', "<1web>"),
        ("{{ eq 1 1 }}{{ ne 1 2 }}{{ lt 1 2 }}{{ ge 1 2 }}{{ len .spec.containers }}", "truetruetruefalse2"),
        ("{{ YAML .metadata.annotations 1 }}", "\n  a/b: c\n  "),
        ('{{ `raw "text"` }}', 'raw "text"'),
        ("{{ .metadata.annotations }}{{ print true 2 nil }}", "map[a/b:c]true2<no value>"),
    ],
)
def test_what_it_renders(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\n{{ unheardOf . }}", 2, "the function 'unheardOf' is not supported"),
        ("{{ if .a }}", 1, "the if has no end"),
        ("a\n\n{{ end }}", 3, "ends nothing"),
        ("{{ .a", 1, "an action is not closed"),
        ("{{ ( .a }}", 1, "something is missing"),
        ("{{ call .f }}", 1, "'call' is not supported"),
        ("{{ .a ~ }}", 1, "'~' is not understood"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Template(text, set(STATIC))
    assert (refused.value.line, message in refused.value.message) == (line, True), refused.value.message


def test_what_fails_while_it_is_rendered_tells_its_line() -> None:
    with pytest.raises(TemplateError) as failed:
        rendered("\n{{ index .spec.containers 7 }}")
    assert (failed.value.line, failed.value.message) == (2, "index: list index out of range")
