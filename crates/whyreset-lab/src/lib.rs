//! Causes made to happen by real sockets in namespaces, and the tour. Refuses to link the product: it runs the built binary as a stranger would.
