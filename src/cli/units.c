// SPDX-License-Identifier: MIT
#include "units.h"

static void cell_nothing(struct table *table)
{
    table_cell(table, STYLE_DIM, "-");
}

void cell_size(struct table *table, uint64_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)size;
    int unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    if (size == 0)
        cell_nothing(table);
    else
        table_cell(table, STYLE_NONE, "%.*f %s", value < 10 && unit > 0, value, units[unit]);
}

void cell_count(struct table *table, uint64_t n)
{
    if (n == 0)
        cell_nothing(table);
    else
        table_cell(table, STYLE_NONE, "%llu", (unsigned long long)n);
}

void cell_ms(struct table *table, double seconds)
{
    double ms = 1e3 * seconds;
    if (seconds == 0)
        cell_nothing(table);
    else
        table_cell(table, STYLE_NONE, "%.*f ms", ms < 0.1 ? 5 : ms < 10 ? 3 : ms < 100 ? 2 : 1, ms);
}

void cell_rate(struct table *table, double rate, bool is_flops)
{
    double giga = 1e-9 * rate;
    if (rate == 0)
        cell_nothing(table);
    else
        table_cell(table, STYLE_NONE, "%.*f %s", giga < 10 ? 2 : 1, giga,
                   is_flops ? "GFLOP/s" : "GB/s");
}
