"""Functions of matrices: exponential, logarithm, roots, trigonometric functions; permanents."""
