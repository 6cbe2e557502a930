// SPDX-License-Identifier: MIT
// Quantities in table cells.
#ifndef GYRE_CLI_UNITS_H
#define GYRE_CLI_UNITS_H

#include <stdint.h>

#include "table.h"

void cell_size(struct table *table, uint64_t size);              // "24 GiB"; 0: "-"
void cell_count(struct table *table, uint64_t n);                // 0: "-"
void cell_ms(struct table *table, double seconds);               // "0.123 ms"; 0: "-"
void cell_rate(struct table *table, double rate, bool is_flops); // "12.3 GB/s"; 0: "-"

#endif
