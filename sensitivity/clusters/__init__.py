"""Studies on a cluster: jobs, the packing of a user's code, Kubernetes manifests."""
