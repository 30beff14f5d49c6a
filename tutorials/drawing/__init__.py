"""What the terminal shows of a step's graph or figure: lines of text, half-blocks, words."""
