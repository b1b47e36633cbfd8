"""One step each, oldest first by name. A step that was released is never changed."""
