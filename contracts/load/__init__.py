"""Load tests in which every reply is judged: users of Locust, each with a world and an oracle of its own."""
