// SPDX-License-Identifier: MIT
// Where partial results lie (args/attention.h): acc of all of them, then m and l.

// Rows of the longest sequence.
uint most_rows()
{
    return a.q_len * a.group;
}

// Number of the result of a row of this sequence.
uint partial_of(uint kv_head, uint split, uint row)
{
    return ((batch * a.n_kv_heads + kv_head) * a.n_splits + split) * most_rows() + row;
}

// Where its acc begins, and its m and l.
uint acc_of(uint number)
{
    return number * a.v_dim;
}

uint sums_of(uint number)
{
    return a.n_batch * a.n_kv_heads * a.n_splits * most_rows() * a.v_dim + 2u * number;
}
