# signalbox_layer(NAME DEPENDS layer... LINK library...)
#
# One folder under src/ is one static library `signalbox_NAME`, of its *.cc without *_test.cc,
# *_fuzz.cc, *_bench.cc and main.cc; its tests are one program `NAME_test` of its *_test.cc. DEPENDS
# repeats the layer table of docs/architecture.md, which script/check-layers enforces on #include lines.
function(signalbox_layer name)
    cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.cc)
    list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$|/main\\.cc$")
    set(target signalbox_${name})
    list(TRANSFORM ARG_DEPENDS PREPEND signalbox_)
    if(NOT sources)
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${ARG_DEPENDS} ${ARG_LINK})
        return()
    endif()
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} ${ARG_LINK} PRIVATE signalbox_flags)

    file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
    if(SIGNALBOX_TESTS AND tests)
        add_executable(${name}_test ${tests})
        target_link_libraries(${name}_test PRIVATE ${target} signalbox_flags GTest::gtest GTest::gmock GTest::gtest_main)
        gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST
            PROPERTIES LABELS unit TIMEOUT 120)
    endif()
endfunction()
