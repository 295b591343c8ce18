"""Reports: JSON, HTML, JUnit, the terminal, saved failures."""
