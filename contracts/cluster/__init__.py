"""Fuzz runs on a cluster: the shards of one seed as tasks on its workers, one report at the end."""
