// SPDX-License-Identifier: MIT
// Table of embedded files, written at build time by scripts/embed.py.
#ifndef GYRE_KERNEL_TEXTS_H
#define GYRE_KERNEL_TEXTS_H

struct gyre_kernel_text {
    const char *path; // in the project: "cl/rope.cl"
    const char *text;
};

// Ended by a NULL path.
extern const struct gyre_kernel_text gyre_kernel_texts[];

#endif
