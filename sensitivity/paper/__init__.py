"""The claims, tables and figures of Dozat's "Optimizing CNNs" beside those of a store."""
