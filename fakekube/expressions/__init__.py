"""Expressions in the Common Expression Language (CEL), with the functions that kube-apiserver adds to it.

`environment.Environment` knows the names that an expression may use and makes a program of its text; a program gives a value.

https://kubernetes.io/docs/reference/using-api/cel/
"""
