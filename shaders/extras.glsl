// SPDX-License-Identifier: MIT
// The buffers of extras (args/attention.h), from binding FIRST_EXTRA on. What EXTRAS does not name
// is not declared.
BUFFER(FIRST_EXTRA, restrict readonly, Starts, int, starts); // (batch)
BUFFER(FIRST_EXTRA + 1, restrict readonly, Lens, int, lens); // (batch)
#if EXTRAS & EXTRA_PACKED
BUFFER(FIRST_EXTRA + 2, restrict readonly, QFirsts, int, q_firsts); // (batch + 1)
BUFFER(FIRST_EXTRA + 3, restrict readonly, KFirsts, int, k_firsts); // (batch + 1)
#endif
#if EXTRAS & EXTRA_ALIBI
BUFFER(FIRST_EXTRA + 4, restrict readonly, Slopes, float, slopes); // (head)
#endif
#if EXTRAS & EXTRA_POSITIONS
BUFFER(FIRST_EXTRA + 5, restrict readonly, KPositions, int, k_positions); // (batch, key)
#endif
#if EXTRAS & EXTRA_RELATIVE
// (batch, head, query, distance)
BUFFER(FIRST_EXTRA + 6, restrict readonly, Relative, float, relative);
#endif
#if EXTRAS & EXTRA_SECOND
BUFFER(FIRST_EXTRA + 7, restrict readonly, Q2, TYPE(Q_DTYPE), q2); // (batch, query, head, dim2)
BUFFER(FIRST_EXTRA + 8, restrict readonly, K2, TYPE(K_DTYPE), k2); // (batch, key, head, dim2)
#endif
#if EXTRAS & (EXTRA_ROTATED_Q | EXTRA_ROTATED_K)
// Two words of each pair's turn, then each pair's axis.
BUFFER(FIRST_EXTRA + 9, restrict readonly, Turns, uint, turns);
BUFFER(FIRST_EXTRA + 10, restrict readonly, QCoords, int, q_coords); // (axis, batch, token)
BUFFER(FIRST_EXTRA + 11, restrict readonly, KCoords, int, k_coords); // (axis, batch, token)
#endif
