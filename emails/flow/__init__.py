"""The way of one mail through the domain: claimed, judged, rewritten, sent, recorded."""
