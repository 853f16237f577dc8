"""The domain: masks, the rules for mail to them, mail rewriting, and the record of deliveries."""
