"""What a stage is: references, tasks, plans, and the life of its folder."""
