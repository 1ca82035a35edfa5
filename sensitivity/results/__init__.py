"""One study's tidy tables, and the rule by which a trial's loss is capped."""
