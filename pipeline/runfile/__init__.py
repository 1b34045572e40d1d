"""The run file: TOML, read into frozen, validated sections."""
