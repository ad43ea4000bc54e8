"""The stream: engine, joins, and the offline simulation that drives them."""
