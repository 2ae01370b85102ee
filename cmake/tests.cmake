# SPDX-License-Identifier: MIT
# plug_test(LABEL NAME sources…): one cmocka program, one ctest.
function(plug_test label name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE plug_static plug_flags cmocka)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  add_test(NAME ${label}.${name} COMMAND ${name})
  # a skip inside a program must be seen too: scripts/skips.py holds it against tests/skips.txt
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 120
    SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

# plug_unit(folder/test_x.c …): a unit test that mirrors src/folder/x.c.
function(plug_unit)
  foreach(file ${ARGN})
    get_filename_component(folder ${file} DIRECTORY)
    get_filename_component(name ${file} NAME_WE)
    string(REPLACE "/" "_" folder ${folder})
    string(REGEX REPLACE "^test_" "" name ${name})
    plug_test(unit test_${folder}_${name} ${file})
  endforeach()
endfunction()
