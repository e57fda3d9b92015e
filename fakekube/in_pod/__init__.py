"""A pod's view of the world for a program on this machine: `fakekube run`, `exec` and `render`.

The rules are the kubelet's (`fakekube.kubelet`), the walls are `fakekube.sandbox`'s; here is who brings them together: it asks the
server, writes the volumes and keeps them as the API says, starts the program, and reports what becomes of it.
"""
