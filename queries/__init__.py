"""Questions to the lake: the SQL files of this folder, the command that asks them, the page that shows the answers."""
