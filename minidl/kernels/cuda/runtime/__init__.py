"""What a device is asked to do: memory, streams, launches, graphs, and sharing arrays with other libraries."""
