"""What is kept: trials and epochs in SQL, with the journal that bridges an outage."""
