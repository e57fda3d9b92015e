// The life of a Deployment as a Go controller sees it: a shared informer lists and watches, a typed client writes, all in protobuf.
// Prints one JSON object to say what came of it; test_client_go.py reads it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	typed "k8s.io/client-go/kubernetes/typed/apps/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const name = "web"

// What the informer was told, in order and without repetitions: "added", then each number of ready replicas, then "deleted".
type story struct {
	mutex sync.Mutex
	told  []string
}

func (s *story) tell(what string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.told) == 0 || s.told[len(s.told)-1] != what {
		s.told = append(s.told, what)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	namespace := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	config := must(clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG")))
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf"
	client := must(typed.NewForConfig(config))
	deployments := client.Deployments(namespace)

	var seen story
	source := cache.NewListWatchFromClient(client.RESTClient(), "deployments", namespace, fields.Everything())
	informer := cache.NewSharedIndexInformer(source, &appsv1.Deployment{}, 0, cache.Indexers{})
	must(informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { seen.tell("added") },
		UpdateFunc: func(_, object any) {
			seen.tell(fmt.Sprintf("%d of %d ready", object.(*appsv1.Deployment).Status.ReadyReplicas, *object.(*appsv1.Deployment).Spec.Replicas))
		},
		DeleteFunc: func(any) { seen.tell("deleted") },
	}))
	go informer.Run(ctx.Done())
	wait(ctx, "the first list", informer.HasSynced)

	replicas := int32(2)
	labels := map[string]string{"app": name}
	created := must(deployments.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name, Image: "registry.example/web:1"}}},
			},
		},
	}, metav1.CreateOptions{FieldManager: "client-go-test"}))
	wait(ctx, "two ready replicas", ready(informer, namespace, 2))

	again := created.DeepCopy()
	again.ResourceVersion = ""
	_, twice := deployments.Create(ctx, again, metav1.CreateOptions{})
	_, stale := deployments.Update(ctx, created, metav1.UpdateOptions{})
	patch := []byte(`{"spec": {"replicas": 3}}`)
	patched := must(deployments.Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}))
	wait(ctx, "three ready replicas", ready(informer, namespace, 3))
	scale := must(deployments.GetScale(ctx, name, metav1.GetOptions{}))
	listed := must(deployments.List(ctx, metav1.ListOptions{LabelSelector: "app=" + name}))

	foreground := metav1.DeletePropagationForeground
	must(0, deployments.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &foreground}))
	wait(ctx, "the end of the Deployment", func() bool { return len(informer.GetStore().ListKeys()) == 0 })
	_, gone := deployments.Get(ctx, name, metav1.GetOptions{})

	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	must(0, json.NewEncoder(os.Stdout).Encode(map[string]any{
		"story":      seen.told,
		"strategy":   created.Spec.Strategy.Type,
		"manager":    created.ManagedFields[0].Manager,
		"patched":    patched.Spec.Replicas,
		"generation": patched.Generation,
		"scale":      scale.Status.Replicas,
		"selector":   scale.Status.Selector,
		"listed":     len(listed.Items),
		"twice":      errors.ReasonForError(twice),
		"stale":      errors.ReasonForError(stale),
		"gone":       errors.ReasonForError(gone),
	}))
}

func ready(informer cache.SharedIndexInformer, namespace string, replicas int32) func() bool {
	return func() bool {
		object, exists, _ := informer.GetStore().GetByKey(namespace + "/" + name)
		return exists && object.(*appsv1.Deployment).Status.ReadyReplicas == replicas
	}
}

func wait(ctx context.Context, what string, done func() bool) {
	for !done() {
		if ctx.Err() != nil {
			must(0, fmt.Errorf("waited in vain for %s", what))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
