// SPDX-License-Identifier: MIT
#include "rank.h"

#include <stdio.h>
#include <string.h>

// Discrete before integrated before virtual before our own CPU path; software renderers last.
static int type_order(enum gyre_device_type type)
{
    static const int order[GYRE_N_DEVICE_TYPES] = {
        [GYRE_DEVICE_DISCRETE] = 0, [GYRE_DEVICE_INTEGRATED] = 1, [GYRE_DEVICE_VIRTUAL] = 2,
        [GYRE_DEVICE_OTHER] = 3,    [GYRE_DEVICE_CPU] = 4,        [GYRE_DEVICE_SOFTWARE] = 5,
    };
    return order[type];
}

// What decides between devices of one type, most important first; larger is better.
static int capability(const struct gyre_device_info *info)
{
    return 8 * info->has_f16_storage + 4 * info->has_coop_matrix + 2 * info->has_f16_math +
           info->has_int_dot;
}

// Of two routes to one device Vulkan comes first: its drivers are kept better on every vendor.
static int route_order(enum gyre_backend_kind backend)
{
    return backend == GYRE_BACKEND_VULKAN ? 0 : 1;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static bool is_same_physical(const struct gyre_device_info *a, const struct gyre_device_info *b)
{
    static const uint8_t no_uuid[sizeof(a->uuid)];
    if (a->backend == b->backend || (a->type == GYRE_DEVICE_CPU) != (b->type == GYRE_DEVICE_CPU))
        return false;
    bool have_uuid = memcmp(a->uuid, no_uuid, sizeof(no_uuid)) != 0 &&
                     memcmp(b->uuid, no_uuid, sizeof(no_uuid)) != 0;
    if (have_uuid && memcmp(a->uuid, b->uuid, sizeof(no_uuid)) == 0)
        return true;
    return a->pci[0] != '\0' && strcmp(a->pci, b->pci) == 0;
}

int gyre_rank_compare(const struct gyre_device_info *a, const struct gyre_device_info *b)
{
    int order = type_order(a->type) - type_order(b->type);
    if (order != 0)
        return order;
    order = capability(b) - capability(a);
    if (order == 0)
        order = compare_u64(b->memory_size, a->memory_size);
    if (order == 0)
        order = compare_u64(b->n_units, a->n_units);
    return order != 0 ? order : route_order(a->backend) - route_order(b->backend);
}

static void explain(struct gyre_device_info *info, const struct gyre_device_info *before)
{
    const char *type = gyre_device_type_name(info->type);
    if (info->type == GYRE_DEVICE_SOFTWARE)
        snprintf(info->why, sizeof(info->why), "software renderer: only when asked for");
    else if (before == NULL)
        snprintf(info->why, sizeof(info->why), "best: %s", type);
    else if (is_same_physical(info, before))
        snprintf(info->why, sizeof(info->why), "same device as %s", before->id);
    else if (before->type != info->type)
        snprintf(info->why, sizeof(info->why), "%s comes after %s", type,
                 gyre_device_type_name(before->type));
    else if (capability(before) != capability(info))
        snprintf(info->why, sizeof(info->why), "fewer capabilities than %s", before->id);
    else
        snprintf(info->why, sizeof(info->why), "less memory or fewer units than %s", before->id);
}

static void number_physical(struct gyre_device_info *infos, size_t n)
{
    uint32_t n_physical = 0;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (same < i && !is_same_physical(&infos[i], &infos[same]))
            same++;
        infos[i].physical = same < i ? infos[same].physical : n_physical++;
    }
}

// The route that speaks for a physical device.
static const struct gyre_device_info *leader(const struct gyre_device_info *infos, size_t n,
                                             uint32_t physical)
{
    const struct gyre_device_info *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (infos[i].physical == physical &&
            (best == NULL || route_order(infos[i].backend) < route_order(best->backend)))
            best = &infos[i];
    return best;
}

// Devices by their leaders, so that routes to one device stay side by side; then by route.
static int compare_routes(const struct gyre_device_info *infos, size_t n,
                          const struct gyre_device_info *a, const struct gyre_device_info *b)
{
    if (a->physical == b->physical)
        return route_order(a->backend) - route_order(b->backend);
    int order = gyre_rank_compare(leader(infos, n, a->physical), leader(infos, n, b->physical));
    return order != 0 ? order : (a->physical > b->physical) - (a->physical < b->physical);
}

// Insertion: the lists are short, and this is stable.
void gyre_rank_sort(struct gyre_device_info *infos, size_t n)
{
    number_physical(infos, n);
    for (size_t i = 1; i < n; i++)
        for (size_t at = i; at > 0; at--) {
            if (compare_routes(infos, n, &infos[at], &infos[at - 1]) >= 0)
                break;
            struct gyre_device_info moved = infos[at];
            infos[at] = infos[at - 1];
            infos[at - 1] = moved;
        }
    number_physical(infos, n); // anew, so that the best device has number 0
    for (size_t i = 0; i < n; i++) {
        infos[i].rank = (uint32_t)i;
        explain(&infos[i], i > 0 ? &infos[i - 1] : NULL);
    }
}
