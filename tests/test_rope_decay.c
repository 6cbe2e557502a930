// SPDX-License-Identifier: MIT
// RoFormer's long-term decay (section 3.4.3): the bound as others computed it, and that it bounds.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/folder.h"
#include "data/json_file.h"
#include "on_devices.h"
#include "oracle/rope.h"
#include "oracle/rope_decay.h"

enum { MAX_PAIRS = 256 };

// "d64_base10000": {"0": 16.5, "1": 15.9, ...}, bounds by distance
static void check_published(const cJSON *entry)
{
    double theta, inv_freq[MAX_PAIRS];
    size_t dim;
    const cJSON *item;
    cr_assert(sscanf(entry->string, "d%zu_base%lf", &dim, &theta) == 2 && dim / 2 <= MAX_PAIRS);
    oracle_rope_inv_freq(theta, dim, inv_freq);
    cJSON_ArrayForEach(item, entry)
    {
        double got = oracle_rope_decay(inv_freq, dim / 2, strtod(item->string, NULL));
        cr_assert_float_eq(got, item->valuedouble, 1e-9 * got, "%s at %s: got %.17g, want %.17g",
                           entry->string, item->string, got, item->valuedouble);
    }
}

Test(rope_decay, published)
{
    const cJSON *entry;
    cJSON *json = data_read_json("published/roformer_fig2_bound.json");
    if (json == NULL)
        skip_test("nothing to compare with: no published bounds in", data_dir());
    cr_assert_geq(cJSON_GetArraySize(json), 9);
    cJSON_ArrayForEach(entry, json)
    {
        check_published(entry);
    }
    cJSON_Delete(json);
}

// |sum_j h[j] e^(I distance inv_freq[j])| for a random h that ends with h[n] = 0, as in the paper.
// *largest is its largest step.
static double score(const double *inv_freq, size_t n, double distance, double *largest)
{
    double h = 1, real = 0, imaginary = 0;
    *largest = 0;
    for (size_t j = 0; j < n; j++) {
        double next = j + 1 < n ? h + (double)rand() / RAND_MAX - 0.5 : 0;
        real += h * cos(distance * inv_freq[j]);
        imaginary += h * sin(distance * inv_freq[j]);
        *largest = fmax(*largest, fabs(next - h));
        h = next;
    }
    return hypot(real, imaginary);
}

Test(rope_decay, bounds_scores)
{
    double inv_freq[64], largest;
    oracle_rope_inv_freq(10000, 128, inv_freq);
    srand(1);
    for (double distance = 0; distance < 100000; distance = 1.3 * distance + 1) {
        double got = score(inv_freq, 64, distance, &largest);
        double bound = 64 * largest * oracle_rope_decay(inv_freq, 64, distance);
        cr_assert_leq(got, bound, "distance %g: %g beyond %g", distance, got, bound);
    }
}
