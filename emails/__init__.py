"""The domain: masks, the inbound logic, mail rewriting, and what was already done."""
