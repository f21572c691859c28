//! Integration tests of the workspace and of the real binary, in one test program (one link).

mod edges;
