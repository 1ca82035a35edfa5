"""What the dashboard and the service share: the source of results, the cache, a view and its filters."""
