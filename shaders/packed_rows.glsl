// SPDX-License-Identifier: MIT
// Rows packed by KV group (args/attention.h): row r of a kv head is query r / group of its head
// r % group. Rows past the last one repeat it, and are not written.
uint n_rows()
{
    return n_queries() * a.group;
}

uint query_of(uint row)
{
    return min(row, n_rows() - 1u) / a.group;
}

uint head_of(uint kv_head, uint row)
{
    return kv_head * a.group + min(row, n_rows() - 1u) % a.group;
}
