//! Dense loops, shared parameter rows, optimiser steps and the memory-mapped file.
