"""The engine: from the raw graph to scores, explanations and the rows behind them. No Django."""
