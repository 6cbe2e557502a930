// SPDX-License-Identifier: MIT
#include "head_set.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

// As many as a picture shows large.
enum { A_FEW = 8 };

static void choose(struct head_set *set, uint32_t head)
{
    set->n_chosen += !set->is_chosen[head];
    set->is_chosen[head] = true;
}

static void choose_few(struct head_set *set)
{
    uint32_t n = set->n_heads < A_FEW ? set->n_heads : A_FEW;
    for (uint32_t i = 0; i < n; i++)
        choose(set, (uint32_t)((uint64_t)i * set->n_heads / n));
}

static bool read_number(const char **at, uint64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return false;
    errno = 0;
    *value = strtoul(*at, &end, 10);
    *at = end;
    return errno == 0;
}

// "5" or "5-7".
static bool read_range(const char **at, uint64_t *first, uint64_t *last)
{
    if (!read_number(at, first))
        return false;
    *last = *first;
    if (**at != '-')
        return true;
    ++*at;
    return read_number(at, last) && *last >= *first;
}

static int choose_listed(struct head_set *set, const char *text)
{
    const char *at = text;
    for (;; at++) {
        uint64_t first, last;
        if (!read_range(&at, &first, &last) || (*at != ',' && *at != '\0'))
            return complain(CODE_USAGE,
                            "--heads %s: wanted are numbers and ranges, 0,3,5-7, or all", text);
        if (last >= set->n_heads)
            return complain(CODE_USAGE, "--heads %s: there is no head %llu; there are 0 to %llu",
                            text, (unsigned long long)last, (unsigned long long)set->n_heads - 1);
        for (uint64_t head = first; head <= last; head++)
            choose(set, (uint32_t)head);
        if (*at == '\0')
            return CODE_OK;
    }
}

int head_set_make(const char *text, uint32_t n_heads, struct head_set *out)
{
    *out = (struct head_set){.n_heads = n_heads, .is_chosen = calloc((size_t)n_heads + 1, 1)};
    if (out->is_chosen == NULL)
        return complain(CODE_DEVICE, "no memory for a list of heads");
    if (text == NULL)
        choose_few(out);
    else if (strcmp(text, "all") == 0)
        for (uint32_t head = 0; head < n_heads; head++)
            choose(out, head);
    else
        return choose_listed(out, text);
    return CODE_OK;
}

void head_set_free(struct head_set *set)
{
    free(set->is_chosen);
    *set = (struct head_set){0};
}
