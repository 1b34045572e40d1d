"""Mining in chunks of anchors, in this process or on workers."""
