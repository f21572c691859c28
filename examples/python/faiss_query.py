"""Reads a file of vectors that ends in .faiss and searches it for the vector of one of its ids.

usage: faiss_query.py vectors.faiss ID [COPY.faiss]      prints the ids of the ten nearest by inner product
"""

import sys

import faiss
import numpy as np

index = faiss.read_index(sys.argv[1])
ids = faiss.vector_to_array(index.id_map)
flat = faiss.downcast_index(index.index)
vectors = flat.reconstruct_n(0, flat.ntotal)
_, found = index.search(vectors[np.flatnonzero(ids == int(sys.argv[2]))], 10)
print(*found[0])
if len(sys.argv) > 3:
    copy = faiss.IndexIDMap2(faiss.IndexFlatIP(flat.d))
    copy.add_with_ids(vectors, ids)
    faiss.write_index(copy, sys.argv[3])
