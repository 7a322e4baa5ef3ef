"""The public dialects: KServe V1, and the Open Inference Protocol (V2) in JSON and binary."""
