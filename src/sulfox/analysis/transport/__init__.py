"""How fast ions move: the formulas of the experiment."""
