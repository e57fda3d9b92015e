// The life of a Deployment as a JavaScript controller sees it: an informer lists and watches, typed clients write.
// Prints one JSON object to say what came of it; test_client_node.py reads it.
import * as k8s from '@kubernetes/client-node';

const PATIENCE_MS = 20000;
const namespace = process.argv[2];

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);

// What the informer was told, in order and without repetitions.
const story = [];
let ready = 0;

function tell(what) {
  if (story.at(-1) !== what) story.push(what);
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

async function until(what, done) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!done()) {
    if (Date.now() > deadline) fail(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function refusal(call) {
  try {
    await call;
    return 'accepted';
  } catch (error) {
    return `${error.code} ${JSON.parse(error.body).reason}`;
  }
}

const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const informer = k8s.makeInformer(config, path, () => apps.listNamespacedDeployment({ namespace }));
informer.on('add', () => tell('added'));
informer.on('update', (deployment) => {
  ready = deployment.status.readyReplicas ?? 0;
  tell(`${ready} of ${deployment.spec.replicas} ready`);
});
informer.on('delete', () => tell('deleted'));
informer.on('error', fail);
await informer.start();

const labels = { app: 'web' };
const body = {
  metadata: { name: 'web', labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] } },
  },
};
const created = await apps.createNamespacedDeployment({ namespace, body });
await until('two ready replicas', () => ready === 2);

const twice = await refusal(apps.createNamespacedDeployment({ namespace, body }));
const stale = await refusal(apps.replaceNamespacedDeployment({ name: 'web', namespace, body: created }));
const strategic = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.StrategicMergePatch);
const patch = { name: 'web', namespace, body: { spec: { replicas: 3 } } };
const patched = await apps.patchNamespacedDeployment(patch, strategic);
await until('three ready replicas', () => ready === 3);
const pods = await core.listNamespacedPod({ namespace, labelSelector: 'app=web' });

await apps.deleteNamespacedDeployment({ name: 'web', namespace });
await until('the end of the Deployment', () => story.at(-1) === 'deleted');
const gone = await refusal(apps.readNamespacedDeployment({ name: 'web', namespace }));

console.log(JSON.stringify({
  story,
  strategy: created.spec.strategy.type,
  dated: created.metadata.creationTimestamp instanceof Date,
  patched: patched.spec.replicas,
  pods: pods.items.map((pod) => pod.status.phase),
  twice,
  stale,
  gone,
}));
process.exit(0);
