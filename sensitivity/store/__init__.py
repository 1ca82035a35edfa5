"""Trials and epochs in SQL, and the journal that bridges an outage of the database."""
