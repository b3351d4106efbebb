// SPDX-License-Identifier: MIT
// Our header before and after that of DirectX-Headers: ORDER says which. It is enough to compile.
#if ORDER == 1
#include <wsl/winadapter.h>
#include <gpupv/d3dkmthk.h>
#else
#include <gpupv/d3dkmthk.h>
#include <wsl/winadapter.h>
#endif
#include <gpupv/kmt.h>

static_assert(sizeof(D3DDDI_QUERYREGISTRY_INFO) == 1072, "the layout does not depend on the order");
static_assert(sizeof(LUID) == 8 && sizeof(BOOLEAN) == 1 && sizeof(WCHAR) == 4, "one set of types");
