"""The five stages: embed, graph, mine, train, evaluate."""
