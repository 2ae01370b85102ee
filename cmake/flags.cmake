# SPDX-License-Identifier: MIT
# Warnings, hardening and sanitizers, the same for every target of the project.
add_library(plug_flags INTERFACE)
target_compile_options(plug_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes $<$<C_COMPILER_ID:Clang>:-Wmissing-variable-declarations> -Wpointer-arith -Wcast-qual -Wcast-align
  -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion)
if(PLUG_WERROR)
  target_compile_options(plug_flags INTERFACE -Werror)
endif()
target_include_directories(plug_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include ${PROJECT_SOURCE_DIR}/src)

if(PLUG_SANITIZE)
  target_compile_options(plug_flags INTERFACE
    -fsanitize=${PLUG_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(plug_flags INTERFACE -fsanitize=${PLUG_SANITIZE})
  target_compile_definitions(plug_flags INTERFACE PLUG_DEBUG=1)
elseif(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(plug_flags INTERFACE PLUG_DEBUG=1)
elseif(NOT CMAKE_SYSTEM_NAME STREQUAL "Windows")
  target_compile_options(plug_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  target_link_options(plug_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(PLUG_COVERAGE)
  target_compile_options(plug_flags INTERFACE --coverage -O0)
  target_link_options(plug_flags INTERFACE --coverage)
endif()
