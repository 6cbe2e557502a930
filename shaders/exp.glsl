// SPDX-License-Identifier: MIT
// Functions of softmax, more exact than Vulkan promises of its own.
#define LOG2E 1.44269504

// e^x for x <= 0, within 4 + |x| ulp; 0 below 2^-126, -inf included. Vulkan lets exp2(y) be off by
// 3 + 2 |y| ulp, so it gets the fraction only.
float exp_neg(float x)
{
    float y = x * LOG2E, whole = round(y);
    float scaled = exp2(y - whole) * uintBitsToFloat(uint(int(max(whole, -126.0)) + 127) << 23);
    return y < -126.0 ? 0.0 : scaled;
}

// tanh within 4 ulp: Vulkan's may be made of exp, and cancels near 0.
float tanh_exact(float x)
{
    float y = x * x, e = exp_neg(-2.0 * abs(x));
    float near = x + x * y * (-3.33332819e-1 +
                              y * (1.33314422e-1 + y * (-5.37397155e-2 +
                                                        y * (2.06390887e-2 + y * -5.70498872e-3))));
    return abs(x) < 0.625 ? near : sign(x) * (1.0 - 2.0 * e / (1.0 + e));
}

// What a row's weighted values are multiplied by: 1 / (sum + e^(sink - most)), `most` having been
// subtracted from the row's scores; 0 where it has seen no key, and where the sink is +inf. Neither
// exponential overflows.
float inverse_sum(float sum, float most, float sink)
{
    float shift = max(most, sink), factor = exp_neg(most - shift);
    return sum == 0.0 || is_pos_inf(sink) ? 0.0
                                          : factor / (sum * factor + exp_neg(sink - shift));
}

// The number to subtract from a row's scores: its maximum, or 0 where it has seen no key.
float shift_of(float row_max)
{
    return is_neg_inf(row_max) ? 0.0 : row_max;
}
