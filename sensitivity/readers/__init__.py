"""Reading for dashboard and service: the source of results, the cache, a view and its filters."""
