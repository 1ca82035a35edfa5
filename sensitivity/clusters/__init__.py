"""Studies on a cluster: Ray jobs, packing of a user's code, Kubernetes and Slurm manifests."""
