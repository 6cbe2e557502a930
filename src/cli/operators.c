// SPDX-License-Identifier: MIT
#include "operators.h"

const char operators_words[] = "all|rope|attention|linear";

const char *operators_prefix(int op)
{
    static const char *const prefixes[] = {"", "rope/", "attention/",
                                           "linear/"}; // in the order of the words
    return prefixes[op];
}
