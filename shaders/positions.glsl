// SPDX-License-Identifier: MIT
// Where a key of this group's sequence stands: at its number, or where k_positions says.
int stored_position(uint key)
{
#if EXTRAS & EXTRA_POSITIONS
    return gyre_k_position(k_positions[a.extras.k_positions_offset +
                                       batch * a.extras.k_positions_stride + k_token(key)]);
#else
    return int(key);
#endif
}
