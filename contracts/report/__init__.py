"""Reports: terminal, progress, JSON, HTML, JUnit, and saved failures."""
