// SPDX-License-Identifier: MIT
#include "operators.h"

const char operators_words[] = "all|rope|attention";

const char *operators_prefix(int op)
{
    static const char *const prefixes[] = {"", "rope/", "attention/"}; // in the order of the words
    return prefixes[op];
}
