"""The native backend: a Program as machine code, made by LLVM."""
